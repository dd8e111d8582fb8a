import type { PageServer } from '../page.js';
import { startAssertionSection } from './assertion-section.js';
import { startSequenceSection } from './sequence-section.js';

const server: PageServer = JSON.parse(document.querySelector('main')?.dataset['server'] ?? '{}');
startAssertionSection(server);
startSequenceSection();
