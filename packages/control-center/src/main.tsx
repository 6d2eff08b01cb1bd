import { render } from 'preact';
import { createLive } from './api/live.ts';
import { AdminApp } from './app.tsx';

const root = document.getElementById('app');
if (root !== null) render(<AdminApp live={createLive()} />, root);
