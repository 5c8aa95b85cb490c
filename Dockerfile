# The application for production: web, worker and beat are this one image with different commands (compose.yaml).
FROM node:22-slim AS assets
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY assets assets
COPY templates templates
RUN npm run build

FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PORTAL_ENV=production
WORKDIR /app
RUN useradd --create-home --uid 10001 portal && mkdir -p /data/media && chown portal /data/media
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY --from=assets /build/.build .build
COPY manage.py LICENSE ./
COPY templates templates
COPY locale locale
COPY tracking tracking
COPY accounts accounts
COPY knowledge knowledge
COPY commerce commerce
COPY cases cases
COPY recommendations recommendations
COPY crm crm
COPY analytics analytics
COPY portal portal
RUN python -m portal.catalogues
# Collecting files needs no secret and no server: it runs with development settings and production's storage.
RUN PORTAL_ENV=development COLLECT_FOR_PRODUCTION=1 python manage.py collectstatic --noinput
ENV MEDIA_ROOT=/data/media DATABASE_POOL=1
USER portal
EXPOSE 8000
CMD ["gunicorn", "portal.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", "--threads", "4", "--max-requests", "5000", "--max-requests-jitter", "500", "--access-logfile", "-", "--access-logformat", "%(h)s %(t)s \"%(m)s %(U)s\" %(s)s %(b)s %(L)s"]
