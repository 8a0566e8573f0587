"""Who calls, and what they may do: IAM as AWS applies it to every request."""
