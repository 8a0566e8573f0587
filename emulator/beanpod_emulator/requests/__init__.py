"""A request of an AWS client: how it is read, who signed it, and the errors that answer it."""
