"""What the runs say: recoveries, stalls, marks and tables."""
