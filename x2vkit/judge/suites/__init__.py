"""What is measured, a file a question: each suite yields figures of a model beside those of real renders."""
