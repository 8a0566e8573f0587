"""A rehearsal: the project is deployed to an AWS that is emulated on this machine. Needs the extra `rehearse`."""
