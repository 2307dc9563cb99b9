"""The parts of the Sugarscape example: recording, checking, drawing."""
