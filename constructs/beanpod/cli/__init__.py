"""The command `beanpod`: its parser, its commands and what they print. Imports no aws_cdk."""
