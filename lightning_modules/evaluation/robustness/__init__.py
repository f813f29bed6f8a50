"""Robustness slices: the test again with glare, blur, occlusion, JPEG artefacts or little light."""
