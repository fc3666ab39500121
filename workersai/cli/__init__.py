"""The `workersai` command: models, chat and account; the local server's commands are in `local`."""
