"""`python -m cascade`: the command line."""

from cascade.cli import script

if __name__ == "__main__":
    script()
