"""Alembic migrations, tested up and down on SQLite and PostgreSQL."""
