package dht

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	pb "github.com/libp2p/go-libp2p-kad-dht/pb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"chorus/probes/p2p/wire"
)

// maxMessageFields bounds the fields of an answer, those of its peers included. An empty peer takes 2 bytes on the wire
// and about 100 in memory, so a bound on bytes alone is none.
const maxMessageFields = 1 << 15

// The fields of an answer that hold peers, from dht.proto.
const (
	closerPeersField   protowire.Number = 8
	providerPeersField protowire.Number = 9
)

// writeMessage writes m behind its length.
func writeMessage(w io.Writer, m *pb.Message) error {
	body, err := proto.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	if _, err := w.Write(append(binary.AppendUvarint(nil, uint64(len(body))), body...)); err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	return nil
}

// readMessage reads a message behind its length, unless that is over limit bytes or it has too many parts.
func readMessage(r io.Reader, limit int) (*pb.Message, error) {
	buffered := bufio.NewReader(r)
	size, err := binary.ReadUvarint(buffered)
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if size > uint64(limit) {
		return nil, fmt.Errorf("read answer: %d bytes, over %d", size, limit)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(buffered, body); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if err := checkFields(body); err != nil {
		return nil, fmt.Errorf("decode answer: %w", err)
	}
	m := new(pb.Message)
	if err := proto.Unmarshal(body, m); err != nil {
		return nil, fmt.Errorf("decode answer: %w", err)
	}
	return m, nil
}

// checkFields refuses a message of more than maxMessageFields before anything of it is made.
func checkFields(body []byte) error {
	fields := 0
	return wire.EachField(body, func(number protowire.Number, value []byte) error {
		if fields++; fields > maxMessageFields {
			return fmt.Errorf("over %d fields", maxMessageFields)
		}
		if number != closerPeersField && number != providerPeersField {
			return nil
		}
		return wire.EachField(value, func(protowire.Number, []byte) error {
			if fields++; fields > maxMessageFields {
				return fmt.Errorf("over %d fields", maxMessageFields)
			}
			return nil
		})
	})
}
