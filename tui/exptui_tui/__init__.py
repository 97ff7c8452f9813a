"""The terminal and the command line of exptui; the engine is the package `exptui`."""
