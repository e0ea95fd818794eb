"""What a training writes into its run folder, and reads there when it resumes."""
