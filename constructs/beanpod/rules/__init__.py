"""What AWS would refuse after minutes, checked at once: the rules that the constructs and the manifest share.

Pure functions of plain values, without aws_cdk. Each takes settings by the names of the constructs' arguments; one that
is missing or None is not known yet, such as a token of the CDK, and passes.
"""
