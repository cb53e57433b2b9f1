"""The definition of an app: its sections, schema, validation, names and source folder."""
