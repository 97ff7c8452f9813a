"""The panes of the main screen, one file each. A pane draws what `present` computes; it never imports another pane."""
