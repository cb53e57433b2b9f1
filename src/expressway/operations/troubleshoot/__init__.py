"""The seven actions of troubleshooting: facts are read at the same time, judged by pure rules, told as findings."""
