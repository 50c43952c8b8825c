"""Hold the migrations of Alembic, tested up and down on SQLite and PostgreSQL."""
