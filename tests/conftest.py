"""What every test is run with."""

import signal

from hypothesis import HealthCheck, settings

from emulator.surroundings import forget_aws_settings

# How long an example takes says how busy the machine is.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# A shell ignores SIGINT for what it starts in the background, nohup SIGHUP: processes of the tests would inherit it.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Tests ask the embedded AWS, from this process too, whatever account the shell is set up for.
forget_aws_settings()
