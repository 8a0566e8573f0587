"""The embedded AWS's machines: instances and databases as containers on this machine's Docker engine.

`Yard` is all of them, of one run; `emulator/README.md` says what is as on AWS and what is not.
"""
