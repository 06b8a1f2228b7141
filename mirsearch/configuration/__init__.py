"""The user's config file: its keys and values, and how it is written."""

from mirsearch.configuration.values import (
    KEYS,
    PREFIX,
    SECRETS,
    Value,
    check_value,
    config_path,
    configured,
    configured_count,
    configured_weights,
    option_defaults,
    read_secret_file,
    value_of,
)

__all__ = [
    "KEYS",
    "PREFIX",
    "SECRETS",
    "Value",
    "check_value",
    "config_path",
    "configured",
    "configured_count",
    "configured_weights",
    "option_defaults",
    "read_secret_file",
    "value_of",
]
