"""What an app, a plan, a change and a status are: pure, frozen values."""
