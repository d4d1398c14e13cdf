"""This will hold what exists: target clouds, their appliances, the protected VMs and the replicas of their disks."""
