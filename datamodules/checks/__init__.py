"""What is known of files and masks before anything is trained."""
