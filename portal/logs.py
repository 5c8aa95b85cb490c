"""Logs: one JSON object per line in production, readable lines elsewhere."""

from typing import Any

import structlog

_STEPS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.format_exc_info,
]


def configured(*, production: bool, testing: bool) -> dict[str, Any]:
    """Set structlog up, and return what Django's LOGGING is to be."""
    structlog.configure(
        processors=[*_STEPS, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processor": structlog.processors.JSONRenderer()
                if production
                else structlog.dev.ConsoleRenderer(colors=False),
                "foreign_pre_chain": _STEPS,
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": "WARNING" if testing else "INFO"},
        "loggers": {
            "django.server": {"handlers": [], "propagate": True},
            # A refused or unknown page is the visitor's doing: the access log has it, without a traceback.
            "django.request": {"level": "ERROR"},
        },
    }
