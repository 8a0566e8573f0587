"""Where moto finds this service."""

from beanpod_emulator.beanstalk.responses import ElasticBeanstalkResponse

url_bases = [r"https?://elasticbeanstalk\.(?P<region>[a-zA-Z0-9\-_]+)\.amazonaws\.com"]

url_paths = {"{0}/$": ElasticBeanstalkResponse.dispatch}
