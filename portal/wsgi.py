"""The WSGI application that gunicorn serves."""

import os
import sys

from django.conf import settings
from django.core.checks import Tags, run_checks
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = get_wsgi_application()

if settings.PRODUCTION:
    # Refuse to serve, with one line, while demo people exist.
    problems = run_checks(tags=[Tags.database], databases=["default"])
    if errors := [problem for problem in problems if problem.is_serious()]:
        sys.exit(f"The portal cannot start: {errors[0].msg} {errors[0].hint}")
