"""The build context: which files an image build gets."""
