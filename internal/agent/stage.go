package agent

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/quarry-project/quarry/internal/agent/storage"
	"github.com/quarry-project/quarry/internal/agent/wire"
)

// leave ends stage Base: the disk is let go as it is, and what the next machine can't find on it is told.
func (i *installation) leave(context.Context) (wire.Result, error) {
	layout, err := json.Marshal(i.contents)
	if err != nil {
		return wire.Result{}, fmt.Errorf("describe the disk: %w", err)
	}
	if err := i.release(); err != nil {
		return wire.Result{}, err
	}
	return wire.Result{Layout: layout}, nil
}

// resume begins stage Scripts: the disk of stage Base is mounted as it was.
func (i *installation) resume(ctx context.Context) error {
	if err := json.Unmarshal(i.job.Layout, &i.contents); err != nil {
		return fmt.Errorf("what the first machine said of the disk: %w", err)
	}
	if err := storage.Activate(ctx, i.runtime, i.contents); err != nil {
		return err
	}
	if err := i.mount(); err != nil {
		return err
	}
	return i.enter()
}
