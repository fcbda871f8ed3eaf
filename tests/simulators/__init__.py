"""Local servers that speak the cloud providers' protocols to the unchanged livekit plugins (docs/simulators.md)."""
