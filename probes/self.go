package probes

// A probe whose run passed with no other witness than the node itself says so in Result.Details: DetailMode is ModeSelf. The
// shipped rules then degrade the check.
const (
	DetailMode = "mode"
	ModeSelf   = "self"
)
