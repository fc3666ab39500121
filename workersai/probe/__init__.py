"""What is not known about the live service, asked with one command.

`asks` holds the requests and `questions` what is read out of their answers, both as data.
`plan` says what a run costs, `running` sends, `report` keeps what came, `verdicts` judges it, and
`applying` turns verdicts into facts of `workersai._models`. `workersai probe` is the command.
"""
