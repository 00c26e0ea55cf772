import { describeStoreFaults } from './store-faults.js'

describeStoreFaults('postgres')
