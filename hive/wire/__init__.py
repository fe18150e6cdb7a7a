"""The wire protocol: messages as frozen values and the codec between them and frames."""
