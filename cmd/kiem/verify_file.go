package main

import "context"

func verifyFile(ctx context.Context, path string, bar *progress) (verified, error) {
	return verified{}, nil
}
