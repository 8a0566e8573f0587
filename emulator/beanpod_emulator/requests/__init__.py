"""A request of an AWS client: where it is from, how it is read, who signed it, and the errors that answer it."""
