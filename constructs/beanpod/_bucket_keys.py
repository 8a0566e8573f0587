"""Where the artifact bucket keeps what: a deployment writes there, and the deployer's policy allows nothing else."""

# Followed by the application's name and a slash.
BUNDLES = "bundles/"
# Followed by the environment's name.
LOCKS = "locks/"
