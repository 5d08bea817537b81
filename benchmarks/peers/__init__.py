"""The programs that this one is measured against, each written as its own documentation writes it."""
