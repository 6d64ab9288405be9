"""The project as it is written: modules, classes, functions, names. May import the catalogue."""
