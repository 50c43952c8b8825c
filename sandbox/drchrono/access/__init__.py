"""Say who may call DrChrono, and what it lets others show: accounts, OAuth, framed pages."""
