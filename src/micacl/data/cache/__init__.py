"""Every clip decoded once, to small frames that many runs read: `layout`, `build` and `frames`."""
