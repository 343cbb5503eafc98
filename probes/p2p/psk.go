package p2p

import (
	"bytes"
	"fmt"

	"github.com/libp2p/go-libp2p/core/pnet"
)

// LoadPSK reads the key of a private libp2p network: a file as IPFS calls swarm.key, "/key/swarm/psk/1.0.0/", its
// encoding and 32 bytes, each on a line. Nobody but its owner and group may read it.
func LoadPSK(path string) (pnet.PSK, error) {
	data, err := readSecret(path)
	if err != nil {
		return nil, fmt.Errorf("load private network key: %w", err)
	}
	psk, err := pnet.DecodeV1PSK(bytes.NewReader(data))
	if err != nil { // its text may quote the file, which may be another secret
		return nil, fmt.Errorf("load private network key: %s is none: it needs the lines /key/swarm/psk/1.0.0/, then "+
			"/base16/, /base64/ or /bin/, then 32 bytes so encoded", path)
	}
	return psk, nil
}
