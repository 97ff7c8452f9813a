"""Widgets that know lines of text but nothing about runs."""
