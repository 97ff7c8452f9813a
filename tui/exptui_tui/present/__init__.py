"""What every pane shows, as lines of styled text: pure functions of records, without a terminal."""
