"""The screens: the main one, and the small ones that ask or explain."""
