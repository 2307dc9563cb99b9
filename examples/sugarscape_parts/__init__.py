"""The parts of the Sugarscape example: what it records, what it checks, what it draws."""
