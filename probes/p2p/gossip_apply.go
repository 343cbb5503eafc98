package p2p

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// GossipSettings are those of GossipOptions that can be changed at any time. Zero fields have the same defaults.
type GossipSettings struct {
	Mode      GossipMode
	Wait      time.Duration
	Exporters []peer.ID
}

// gossipSettings are settings that were checked. They are replaced as a whole.
type gossipSettings struct {
	mode      GossipMode
	wait      time.Duration
	exporters []peer.ID // without ourselves; sorted
}

// Apply puts other settings into force, or none if one is wrong. Runs that begin later go by them; from now on the
// exporters are those that are answered and believed.
func (g *Gossip) Apply(s GossipSettings) error {
	checked, err := g.check(s)
	if err != nil {
		return err
	}
	if old := g.settings.Swap(checked); old != nil && old.mode != checked.mode {
		g.metrics.forget()
	}
	return nil
}

// Check says why Apply would refuse the settings.
func (g *Gossip) Check(s GossipSettings) error {
	_, err := g.check(s)
	return err
}

func (g *Gossip) check(s GossipSettings) (*gossipSettings, error) {
	o := g.options
	o.Mode, o.Wait = cmp.Or(s.Mode, GossipAuto), cmp.Or(s.Wait, DefaultGossipWait)
	o.Answer.Exporters = s.Exporters
	if err := o.check(g.publisher); err != nil {
		return nil, err
	}
	self, exporters := o.B.Host().ID(), slices.Clone(s.Exporters)
	slices.Sort(exporters)
	exporters = slices.DeleteFunc(slices.Compact(exporters), func(id peer.ID) bool { return id == self })
	if o.Mode == GossipAnswered && len(exporters) == 0 {
		return nil, errors.New("mode answered needs exporters other than this one in Answer.Exporters")
	}
	return &gossipSettings{o.Mode, o.Wait, exporters}, nil
}

// isExporter says whether somebody is one of the other exporters.
func (g *Gossip) isExporter(id peer.ID) bool {
	_, found := slices.BinarySearch(g.settings.Load().exporters, id)
	return found
}
