"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# No result depends on how fast a machine is.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
