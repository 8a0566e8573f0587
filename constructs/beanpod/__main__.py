"""`python -m beanpod`: the same as the console command `beanpod`."""

from beanpod.cli.main import run

if __name__ == "__main__":
    run()
