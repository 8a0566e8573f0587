"""AWS CDK constructs for a Dockerised web app on Elastic Beanstalk."""
