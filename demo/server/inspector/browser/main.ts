import { startAssertionSection } from './assertion-section.js';
import { server } from './page-server.js';
import { startSequenceSection } from './sequence-section.js';

startAssertionSection(server);
startSequenceSection();
